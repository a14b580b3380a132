"""CreateModelInvocationJob of Amazon Bedrock: batches on records in S3, by the bounds of AWS's service model."""

from __future__ import annotations

from pipelex_rules import forms
from pipelex_rules.shapes import choice, integer, listing, obj, text, union
from pipelex_rules.sources import Source
from pipelex_rules.wire import Wire

SERVICE = Source("botocore@1.44.8 data/bedrock service-2.json, shape CreateModelInvocationJobRequest", "2026-11-30")

_URI = text(1, 1_024, pattern=r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+)*/?")
_OWNER = text(pattern="[0-9]{12}")
_KMS = (
    r"(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:((key/[a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)))"
    r"|([a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)"
)
_WORDS = r"[a-zA-Z0-9\s._:/=+@-]*"
_TAG = obj("key value", key=text(1, 128, pattern=_WORDS), value=text(0, 256, pattern=_WORDS), closed=True)
BATCH = Wire(
    provider="bedrock",
    api="batch",
    shape=obj(
        "jobName roleArn modelId inputDataConfig outputDataConfig",
        closed=True,
        jobName=text(1, 63, pattern=r"[a-zA-Z0-9][-a-zA-Z0-9+.]*"),
        roleArn=text(0, 2_048, pattern=r"arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+"),
        clientRequestToken=text(1, 256, pattern=r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"),
        modelId=text(1, 2_048, pattern=r"[a-zA-Z0-9_.:/-]+"),
        inputDataConfig=union(
            s3InputDataConfig=obj("s3Uri", s3Uri=_URI, s3InputFormat=choice("JSONL"), s3BucketOwner=_OWNER, closed=True)
        ),
        outputDataConfig=union(
            s3OutputDataConfig=obj(
                "s3Uri", s3Uri=_URI, s3EncryptionKeyId=text(1, 2_048, pattern=_KMS), s3BucketOwner=_OWNER, closed=True
            )
        ),
        vpcConfig=obj(
            "subnetIds securityGroupIds",
            subnetIds=listing(text(0, 32, pattern=r"[-0-9a-zA-Z]+"), at_least=1, at_most=16),
            securityGroupIds=listing(text(0, 32, pattern=r"[-0-9a-zA-Z]+"), at_least=1, at_most=5),
            closed=True,
        ),
        timeoutDurationInHours=integer(24, 168),
        tags=listing(_TAG, at_most=200),
        modelInvocationType=choice("InvokeModel Converse"),
    ),
    form=forms.bedrock,
    source=SERVICE,
)
