"""What Gemini's own tools, voices and schemas look like: the bounds are those of the SDK's documentation of its types."""

from __future__ import annotations

from pipelex_rules.shapes import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    choice,
    integer,
    listing,
    number,
    obj,
    text,
)
from pipelex_rules.sources import Source

SDK = Source("google-genai@2.34.0 types.py", "2026-11-30")
_TOOL_TYPE = choice(
    "TOOL_TYPE_UNSPECIFIED GOOGLE_SEARCH_WEB GOOGLE_SEARCH_IMAGE URL_CONTEXT GOOGLE_MAPS FILE_SEARCH MEDIA_PROCESSING"
)
EXECUTABLE_CODE = obj("language code", language=choice("LANGUAGE_UNSPECIFIED PYTHON"), code=TEXT, id=TEXT, origin=SDK)
CODE_RESULT = obj(
    "outcome",
    outcome=choice("OUTCOME_UNSPECIFIED OUTCOME_OK OUTCOME_FAILED OUTCOME_DEADLINE_EXCEEDED"),
    output=TEXT,
    id=TEXT,
    origin=SDK,
)
TOOL_CALL = obj(id=TEXT, toolType=_TOOL_TYPE, args=OBJECT, origin=SDK)
TOOL_RESPONSE = obj(id=TEXT, toolType=_TOOL_TYPE, response=OBJECT, origin=SDK)
SCHEDULING = choice("SCHEDULING_UNSPECIFIED SILENT WHEN_IDLE INTERRUPT", source=SDK)
VIDEO = obj(startOffset=TEXT, endOffset=TEXT, fps=number(0, 24), origin=SDK.at("VideoMetadata.fps"))
_MEDIA = {"displayName": TEXT, "mimeType": TEXT}
RESULT_PART = obj(
    inlineData=obj("data", fields=_MEDIA, data=TEXT),
    fileData=obj("fileUri", fields=_MEDIA, fileUri=TEXT),
    mediaProcessing=ANY,
    origin=SDK.at("FunctionResponsePart"),
)

_VOICE = obj(
    prebuiltVoiceConfig=obj(voiceName=TEXT),
    replicatedVoiceConfig=OBJECT,
    voice=TEXT,
)
_SPEAKER = obj("speaker voiceConfig", speaker=TEXT, voiceConfig=_VOICE)
SPEECH = obj(
    languageCode=TEXT,
    voiceConfig=_VOICE,
    multiSpeakerVoiceConfig=obj(
        "speakerVoiceConfigs",
        speakerVoiceConfigs=listing(
            _SPEAKER, at_least=2, at_most=2, source=SDK.at("MultiSpeakerVoiceConfig.speaker_voice_configs")
        ),
    ),
    origin=SDK.at("SpeechConfig"),
)
TRANSCRIPTION = obj(
    languageCodes=listing(TEXT),
    languageHints=obj(languageCodes=listing(TEXT)),
    customVocabulary=listing(TEXT),
    adaptationPhrases=listing(TEXT),
    wordTimestamp=BOOLEAN,
    diarization=BOOLEAN,
    mode=choice("MODE_UNSPECIFIED VERBATIM SMART"),
    origin=SDK,
)
_COUNT = INTEGER
SCHEMA = obj(
    fields={"required": listing(TEXT)},
    title=TEXT,
    description=TEXT,
    format=TEXT,
    pattern=TEXT,
    nullable=BOOLEAN,
    propertyOrdering=listing(TEXT),
    minimum=NUMBER,
    maximum=NUMBER,
    properties=OBJECT,
    anyOf=listing(OBJECT),
    origin=SDK.at("Schema"),
)
RETRIEVAL_CONFIG = obj(
    languageCode=TEXT,
    latLng=obj(latitude=number(-90, 90), longitude=number(-180, 180)),
    origin=SDK.at("LatLng"),
)

_AUTH = obj(
    authType=choice(
        "AUTH_TYPE_UNSPECIFIED NO_AUTH API_KEY_AUTH HTTP_BASIC_AUTH GOOGLE_SERVICE_ACCOUNT_AUTH OAUTH OIDC_AUTH"
    ),
    apiKey=TEXT,
)
_RETRIEVAL = obj(
    disableAttribution=BOOLEAN,
    externalApi=obj(
        apiSpec=choice("API_SPEC_UNSPECIFIED SIMPLE_SEARCH ELASTIC_SEARCH"), endpoint=TEXT, authConfig=_AUTH
    ),
    vertexAiSearch=obj(
        datastore=TEXT,
        engine=TEXT,
        filter=TEXT,
        maxResults=integer(None, 10),
        dataStoreSpecs=listing(obj(dataStore=TEXT, filter=TEXT)),
    ),
    vertexRagStore=obj(
        ragCorpora=listing(TEXT),
        ragResources=listing(obj(ragCorpus=TEXT, ragFileIds=listing(TEXT))),
        ragRetrievalConfig=obj(
            topK=_COUNT,
            hybridSearch=obj(alpha=number(0, 1)),
            filter=obj(vectorDistanceThreshold=NUMBER, vectorSimilarityThreshold=NUMBER, metadataFilter=TEXT),
        ),
        similarityTopK=_COUNT,
        vectorDistanceThreshold=NUMBER,
        storeContext=BOOLEAN,
    ),
)
_COMPUTER = obj(
    "environment",
    environment=choice("ENVIRONMENT_UNSPECIFIED ENVIRONMENT_BROWSER ENVIRONMENT_MOBILE ENVIRONMENT_DESKTOP"),
    excludedPredefinedFunctions=listing(TEXT),
    enablePromptInjectionDetection=BOOLEAN,
    disabledSafetyPolicies=listing(
        choice(
            "SAFETY_POLICY_UNSPECIFIED FINANCIAL_TRANSACTIONS SENSITIVE_DATA_MODIFICATION COMMUNICATION_TOOL"
            " ACCOUNT_CREATION DATA_MODIFICATION USER_CONSENT_MANAGEMENT LEGAL_TERMS_AND_AGREEMENTS"
        )
    ),
)
_CONFIDENCE = choice(
    "PHISH_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_HIGH_AND_ABOVE"
    " BLOCK_HIGHER_AND_ABOVE BLOCK_VERY_HIGH_AND_ABOVE BLOCK_ONLY_EXTREMELY_HIGH"
)
_SEARCH = obj(
    excludeDomains=listing(TEXT),
    blockingConfidence=_CONFIDENCE,
    timeRangeFilter=obj(startTime=TEXT, endTime=TEXT),
    searchTypes=OBJECT,
)
TOOLS = {
    "retrieval": _RETRIEVAL,
    "computerUse": _COMPUTER,
    "fileSearch": obj(
        "fileSearchStoreNames", fileSearchStoreNames=listing(TEXT, at_least=1), topK=_COUNT, metadataFilter=TEXT
    ),
    "googleSearch": _SEARCH,
    "googleMaps": obj(authConfig=_AUTH, enableWidget=BOOLEAN),
    "codeExecution": OBJECT,
    "enterpriseWebSearch": obj(excludeDomains=listing(TEXT), blockingConfidence=_CONFIDENCE),
    "googleSearchRetrieval": obj(
        dynamicRetrievalConfig=obj(mode=choice("MODE_UNSPECIFIED MODE_DYNAMIC"), dynamicThreshold=NUMBER)
    ),
    "parallelAiSearch": OBJECT,
    "urlContext": OBJECT,
    "exaAiSearch": obj("apiKey", apiKey=text(1)),
}
FILE_NAME = text(0, 46, pattern=r"(files/)?([a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?)?", source=SDK.at("File.name"))
FILE = obj(name=FILE_NAME, displayName=text(0, 512, source=SDK.at("File.display_name")), mimeType=TEXT)
