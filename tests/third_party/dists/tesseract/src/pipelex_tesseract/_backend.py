"""A page is a picture, and a picture a run of the program, which ends with the call that it belongs to."""

import asyncio
import io

from pipelex_core import errors
from pipelex_core.backend import DocumentExtractor
from pipelex_core.results import DocumentAnswer, Page, Usage

_MOST_PAGES = 500


class TesseractBackend(DocumentExtractor):
    """The text of pictures and of PDFs."""

    fetches_urls = False

    async def extract(self, request):
        if request.document.data is None:
            raise errors.UnsupportedInputError("Tesseract reads bytes, and no address")
        if request.document.media_type == "application/pdf":
            pictures = await asyncio.to_thread(self._drawn, request.document.data)
        else:
            pictures = [request.document.data]
        pages = [Page(index=place, text=await self._read(png, request)) for place, png in enumerate(pictures)]
        return DocumentAnswer(pages=tuple(pages), usage=Usage(pages=len(pages)), raw={"pages": len(pages)})

    def _drawn(self, data):
        import pypdfium2

        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError:
            raise errors.UnsupportedInputError("this is not a PDF that can be read") from None
        try:
            if len(document) > _MOST_PAGES:
                raise errors.UnsupportedInputError(f"more than {_MOST_PAGES} pages")
            return [self._png(page) for page in document]
        finally:
            document.close()

    def _png(self, page):
        out = io.BytesIO()
        page.render(scale=int(self.config.options.get("dpi", 200)) / 72).to_pil().save(out, "PNG")
        page.close()
        return out.getvalue()

    async def _read(self, picture, request):
        program = self.config.options.get("program", "tesseract")
        command = (program, "stdin", "stdout", "-l", request.spec.model_id)
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        try:
            process = await asyncio.create_subprocess_exec(*command, **pipes)
        except OSError as error:
            raise errors.ProviderConnectionError(f"the program {program} cannot be started: {error.strerror}") from None
        try:
            out, stated = await process.communicate(picture)
        except BaseException:
            process.kill()
            await asyncio.shield(process.wait())
            raise
        if process.returncode:
            reason = stated.decode("utf-8", "replace").strip().splitlines()[-1:] or ["without a reason"]
            raise errors.UnsupportedInputError(f"Tesseract could not read the picture: {reason[0][:300]}")
        return out.decode("utf-8", "replace").strip()
