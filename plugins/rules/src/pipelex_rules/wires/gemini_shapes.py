"""What generateContent looks like: its settings and tools."""

from __future__ import annotations

from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, integer, listing, mapping, number, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.wires import gemini_contents as contents
from pipelex_rules.wires import gemini_hosted_shapes as hosted

SPECIFICATION = Source("google-ai-generativelanguage@0.12.1 v1beta types/generative_service.py", "2026-11-30")
SDK = Source("google-genai@2.34.0 types.py", "2026-11-30")
VERTEX = Source(
    "google-cloud-aiplatform@2.7.0 aiplatform_v1/types/prediction_service.py GenerateContentRequest.labels",
    "2026-11-30",
)
_CATEGORY = choice(
    "HARM_CATEGORY_UNSPECIFIED HARM_CATEGORY_HARASSMENT HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT"
    " HARM_CATEGORY_DANGEROUS_CONTENT HARM_CATEGORY_CIVIC_INTEGRITY HARM_CATEGORY_JAILBREAK HARM_CATEGORY_IMAGE_HATE"
    " HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT HARM_CATEGORY_IMAGE_HARASSMENT HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT"
)
_THRESHOLD = choice(
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE OFF"
)
SAFETY = obj(
    "category threshold",
    category=_CATEGORY,
    threshold=_THRESHOLD,
    method=choice("HARM_BLOCK_METHOD_UNSPECIFIED SEVERITY PROBABILITY"),
    closed=True,
)
THINKING = obj(
    includeThoughts=BOOLEAN,
    thinkingBudget=integer(-1),
    thinkingLevel=choice("THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH", ignores_case=True, source=SDK),
    closed=True,
)
IMAGES = obj(
    aspectRatio=choice(
        "1:1 1:4 1:8 2:3 3:2 3:4 4:1 4:3 4:5 5:4 8:1 9:16 16:9 21:9",
        source=SDK.at("ImageConfig.aspect_ratio").assumed(),
    ),
    imageSize=choice("512 512px 0.5K 1K 2K 4K", source=SDK.at("ImageConfig.image_size").assumed()),
    outputMimeType=TEXT,
)
CONFIG = obj(
    closed=True,
    audioTimestamp=BOOLEAN,
    audioTranscriptionConfig=hosted.TRANSCRIPTION,
    candidateCount=integer(1, 8),
    enableAffectiveDialog=BOOLEAN,
    enableEnhancedCivicAnswers=BOOLEAN,
    frequencyPenalty=number(-2, 2),
    imageConfig=IMAGES,
    logprobs=integer(0, 20),
    maxOutputTokens=integer(1),
    mediaResolution=choice(
        "MEDIA_RESOLUTION_UNSPECIFIED MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH MEDIA_RESOLUTION_ULTRA_HIGH"
    ),
    modelSelectionConfig=OBJECT,
    presencePenalty=number(-2, 2),
    responseFormat=ANY,
    responseJsonSchema=ANY,
    responseLogprobs=BOOLEAN,
    responseMimeType=choice(
        "text/plain application/json text/x.enum application/xml application/yaml", source=SPECIFICATION
    ),
    responseModalities=listing(choice("MODALITY_UNSPECIFIED TEXT IMAGE AUDIO VIDEO", ignores_case=True)),
    responseSchema=hosted.SCHEMA,
    routingConfig=OBJECT,
    seed=integer(-(2**31), 2**31 - 1),
    speechConfig=hosted.SPEECH,
    stopSequences=listing(TEXT, at_most=5),
    temperature=number(0, 2),
    thinkingConfig=THINKING,
    topK=number(1),
    topP=number(0, 1),
    translationConfig=OBJECT,
)
FUNCTION = obj(
    "name",
    closed=True,
    name=text(1, 128, pattern=r"[a-zA-Z_][a-zA-Z0-9_.:-]*", source=SDK.at("FunctionDeclaration.name")),
    description=TEXT,
    parameters=OBJECT,
    parametersJsonSchema=ANY,
    response=OBJECT,
    responseJsonSchema=ANY,
    behavior=choice("UNSPECIFIED BLOCKING NON_BLOCKING"),
)
TOOL = obj(
    closed=True,
    fields=hosted.TOOLS,
    functionDeclarations=listing(FUNCTION),
    mcpServers=listing(OBJECT),
)
CALLING = obj(
    mode=choice("MODE_UNSPECIFIED AUTO ANY NONE VALIDATED", ignores_case=True),
    allowedFunctionNames=listing(TEXT),
    streamFunctionCallArguments=BOOLEAN,
    closed=True,
)
TOOL_CONFIG = obj(
    functionCallingConfig=CALLING,
    retrievalConfig=hosted.RETRIEVAL_CONFIG,
    includeServerSideToolInvocations=BOOLEAN,
    closed=True,
)
_LABEL = r"[a-z0-9_-]{0,63}"
BODY = obj(
    "contents",
    closed=True,
    contents=listing(contents.CONTENT),
    cachedContent=TEXT,
    generationConfig=CONFIG,
    labels=mapping(text(0, 63, pattern=_LABEL), at_most=64, keys=r"[a-z][a-z0-9_-]{0,62}", source=VERTEX),
    model=TEXT,
    modelArmorConfig=OBJECT,
    safetySettings=listing(SAFETY),
    serviceTier=TEXT,
    store=BOOLEAN,
    systemInstruction=contents.SYSTEM,
    toolConfig=TOOL_CONFIG,
    tools=listing(TOOL),
)
