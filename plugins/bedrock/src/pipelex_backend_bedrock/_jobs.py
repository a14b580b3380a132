"""The model invocation jobs themselves: records, S3, results; all of this runs in worker threads, but what reads a record.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html ·
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from attrs import frozen
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from pipelex_backend_bedrock._answer import read_answer
from pipelex_backend_bedrock._claude_records import claude_body, needs_tools, read_claude
from pipelex_backend_bedrock._embeddings import embedding_answer, embedding_body
from pipelex_backend_bedrock._request import converse_parameters
from pipelex_core.batches import BatchLine
from pipelex_core.errors import InvalidAnswerError, error_class_for_status
from pipelex_core.requests import EmbeddingRequest

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from pipelex_core.requests import TextRequest
    from pipelex_core.results import EmbeddingAnswer, TextAnswer

_NAME = "pipelex-"
PART = 16 * 1024 * 1024
"""Bytes from which on a file is sent in parts, and of each of them."""
_SERIALIZER = create_serializer("rest-json", include_validation=False)
_PARSER = create_parser("rest-json")


@frozen
class NewJob:
    """A job to make.

    Attributes:
        mark: What it is found by.
        model_id: Who answers.
        operation: `Converse` or `InvokeModel`: whose bodies the records are.
        s3_uri: The folder for its records and results.
        role_arn: The role by which Bedrock reads and writes them.
    """

    mark: str
    model_id: str
    operation: str
    s3_uri: str
    role_arn: str


def record_of(key: str, request: TextRequest | EmbeddingRequest, options: Mapping[str, Any], client: Any) -> bytes:
    """A request as a record: what botocore would send, bytes in base64."""
    if isinstance(request, EmbeddingRequest):
        body = json.dumps(embedding_body(request), ensure_ascii=False).encode()
    elif needs_tools(request):
        body = json.dumps(claude_body(request, options), ensure_ascii=False).encode()
    else:
        body = _SERIALIZER.serialize_to_request(converse_parameters(request, options), _converse(client))["body"]
    return b'{"recordId":"%s","modelInput":%s}' % (f"{int(key.rpartition('-')[2]):011d}".encode(), body)


def create_job(s3: Any, bedrock: Any, job: NewJob, lines: Path) -> str:
    """Upload the records, make the job, and return its ARN."""
    bucket, prefix = _place(job.s3_uri)
    key = f"{prefix}{job.mark}/input.jsonl"
    _upload(s3, lines, bucket, key)
    made = bedrock.create_model_invocation_job(
        jobName=_NAME + job.mark,
        clientRequestToken=job.mark,
        roleArn=job.role_arn,
        modelId=job.model_id,
        modelInvocationType=job.operation,
        inputDataConfig={"s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": f"s3://{bucket}/{key}"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/{prefix}{job.mark}/output/"}},
        timeoutDurationInHours=24,
    )
    return str(made["jobArn"])


def _upload(s3: Any, file: Path, bucket: str, key: str) -> None:
    """Write a file into an object: a large one in parts, by boto3, in this thread, so that the call can be ended.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html: from 100 MB on, parts are what S3 advises.
    """
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    config = TransferConfig(
        multipart_threshold=PART, multipart_chunksize=PART, use_threads=False, preferred_transfer_client="classic"
    )
    with create_transfer_manager(s3, config) as manager:
        manager.upload(str(file), bucket, key).result()


def find_job(bedrock: Any, mark: str) -> str | None:
    """The ARN of the job with a mark, or None."""
    pages = bedrock.get_paginator("list_model_invocation_jobs").paginate(nameContains=_NAME + mark)
    for page in pages:
        for job in page.get("invocationJobSummaries", ()):
            if job.get("jobName") == _NAME + mark:
                return str(job["jobArn"])
    return None


def results_of(s3: Any, bedrock: Any, arn: str) -> Generator[BatchLine, None, None]:
    """What came of the records of a job that has ended.

    Raises:
        InvalidAnswerError: There are no results of a job that has some, or a line is not what the API promises.
    """
    job = bedrock.get_model_invocation_job(jobIdentifier=arn)
    mark = str(job.get("jobName")).removeprefix(_NAME)
    place = job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
    bucket, prefix = _place(place)
    found = False
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            if not each["Key"].endswith(".jsonl.out"):
                continue
            found = True
            with closing(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"]) as body:
                for line in body.iter_lines(chunk_size=1 << 16, keepends=True):
                    if line.strip():
                        yield _line(line, mark)
    if not found and (job.get("processedRecordCount") or job.get("status") == "Completed"):
        msg = f"the job {arn} has results, and none of them are at {place}"
        raise InvalidAnswerError(msg)


def read_record(
    request: TextRequest | EmbeddingRequest, data: Mapping[str, Any], client: Any
) -> TextAnswer | EmbeddingAnswer:
    """The answer in a record.

    Raises:
        CallError: The record was refused, or failed.
    """
    if "error" in data:
        fault = data["error"] or {}
        status = fault.get("errorCode")
        known = error_class_for_status(status if isinstance(status, int) else 500)
        error = known(f"Bedrock refused the record: {fault.get('errorMessage') or status}")
        error.status = status if isinstance(status, int) else None
        raise error
    if isinstance(request, EmbeddingRequest):
        return embedding_answer(data["modelOutput"], request)
    if needs_tools(request):
        return read_claude(request, data["modelOutput"])
    response = {"status_code": 200, "headers": {}, "body": json.dumps(data["modelOutput"]).encode()}
    return read_answer(_PARSER.parse(response, _converse(client).output_shape), request.spec.model_id)


def _line(text: bytes, mark: str) -> BatchLine:
    try:
        data = json.loads(text)
        number = int(data["recordId"])
    except (ValueError, LookupError, TypeError):
        msg = f"a line of the job's results is not what the API promises: {text[:200]!r}"
        raise InvalidAnswerError(msg) from None
    kept = {name: data[name] for name in ("modelOutput", "error") if name in data}
    return BatchLine(key=f"{mark}-{number}", data=kept or None)


def _converse(client: Any) -> Any:
    return client.meta.service_model.operation_model("Converse")


def _place(uri: str) -> tuple[str, str]:
    """The bucket, and the prefix with its slash."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
