"""What is refused at apply: wrong specs by their names, each with the very words that a person reads."""

from typing import Any

Spec = dict[str, Any]

SAMPLE: Spec = {"sample": {}}
STRIMZI: Spec = {"strimzi": {"name": "my-cluster"}}
GIVEN: Spec = {
    "bootstrapServers": "broker-0:9093,broker-1.example:9093",
    "authentication": {"type": "tls", "secretName": "pets-client"},
    "tls": {"trustedCertificates": [{"secretName": "brokers-ca", "pattern": "*.crt"}]},
}
NOT_CHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
NO_SCALE = ".spec.inference.replicas: Invalid value: -1: should be a non-negative integer"
NAME = (
    "the name must have at most 40 characters, of a-z, 0-9 and '-' (not at either end), "
    "because the names of Jobs, claims and topics are made from it"
)
TWO_ROLES = "one topic cannot have two roles; name three different topics for input, output and deadLetters"
OWN_SHADOW = "a version cannot be its own shadow; name another in shadowVersion, or take it away"
NO_SHADOW_TOPIC = "the shadow's answers would lie among other records; name another topic in shadow"
CHANGED_CLAIM = "the claim cannot be changed; make another CatDogModel, or set it back to what it was"
NO_AUTHENTICATION = (
    "bootstrapServers must be told who asks; set authentication: {type: tls, secretName: ...}, "
    "a Secret with the client's certificate in user.crt and its key in user.key, "
    "or another type: scram-sha-512, scram-sha-256, plain, or none"
)
NO_TRUST = (
    "bootstrapServers must be known by their certificates; set tls: "
    '{trustedCertificates: [{secretName: ..., pattern: "*.crt"}]}, '
    "a Secret with the certificate of who signed them"
)
NO_CLIENT = (
    "authentication by tls needs its Secret; set secretName, "
    "a Secret with the client's certificate in user.crt and its key in user.key"
)
NO_ADDRESS = (
    "bootstrapServers are host:port, several of them with ',' between, such as broker-0:9093,broker-1:9093"
)
NO_TOPIC_NAME = "the name of a topic is of a-z, A-Z, 0-9, '.', '_' and '-', such as pets-images"
NO_KAFKA_TOPIC_NAME = (
    "with strimzi, the name of a topic is also its KafkaTopic's; "
    "make it of a-z, 0-9, '-' and '.' (these two not at either end)"
)
WHICH_CERTIFICATE = (
    'set one of pattern: "*.crt" (all certificates of the Secret) or certificate: ca.crt (one of them)'
)
TWO_PATTERNS = (
    "a pattern takes the whole Secret, which works for one of them; "
    "name the certificates of the others, such as certificate: ca.crt"
)
NOT_OURS = (
    "the operator deletes no claim that is not its own; remove claim with its whenDeleted, "
    "and delete existingClaim by hand when its versions are needed no more"
)
NO_QUANTITY = "a quantity is a number that is not negative, with a unit or without, such as 500m, 2 or 4Gi"
NO_ENDPOINT = (
    "endpoint is https://host or https://host:port (http:// where nothing is to be encrypted), "
    "without user and path"
)
OUTSIDE = "path is a directory on the claim, without a leading '/' and without '..'"


def training(**fields: object) -> Spec:
    """Return a spec with these fields of the training."""
    return {"training": {"dataset": SAMPLE, **fields}}


def bucket(**fields: object) -> Spec:
    """Return a spec on photos in a bucket, with these fields over its own."""
    plain = {
        "endpoint": "https://rgw.example",
        "bucket": "photos",
        "credentialsSecret": {"name": "photos-s3"},
    }
    return training(dataset={"s3": {**plain, **fields}})


def topic(*offsets: Spec, **fields: object) -> Spec:
    """Return a spec on photos in a topic with these offsets, and these fields besides."""
    return training(dataset={"kafka": {"topic": "labelled", "offsets": list(offsets), **fields}})


def records(partition: int, start: int, end: int) -> Spec:
    """Return a range of offsets."""
    return {"partition": partition, "start": start, "end": end}


def kafka(**fields: object) -> Spec:
    """Return a spec over a Kafka of Strimzi's with these fields."""
    return {"kafka": {**STRIMZI, **fields}}


def given(**fields: object) -> Spec:
    """Return a spec over a Kafka that is known by its addresses, with these fields; None takes one away."""
    return {"kafka": {name: value for name, value in {**GIVEN, **fields}.items() if value is not None}}


def trusted(*certificates: Spec) -> Spec:
    """Return a spec over such a Kafka that trusts these."""
    return given(tls={"trustedCertificates": list(certificates)})


def rule(path: str, message: str, kind: str = "object") -> str:
    """Return what the API server says where a rule across fields is broken."""
    return f'{path}: Invalid value: "{kind}": {message}'


def bound(path: str, value: float, relation: str) -> str:
    """Return what the API server says where a number is out of its range."""
    return f"{path}: Invalid value: {value}: {path} in body should be {relation}"


def choice(path: str, value: str, *supported: str) -> tuple[str, ...]:
    """Return what the API server says where a value is none of those that there are."""
    values = ", ".join(f'"{each}"' for each in supported)
    return f'{path}: Unsupported value: "{value}": supported values: {values}', NOT_CHECKED


def missing(path: str) -> tuple[str, ...]:
    """Return what the API server says where a field is missing that must be there."""
    return f"{path}: Required value", NOT_CHECKED


DATASET = "spec.training.dataset"
REFUSED: dict[str, tuple[Spec, str | tuple[str, ...]]] = {
    "two data sets": (
        training(dataset={**SAMPLE, "persistentVolumeClaim": {"claimName": "photos"}}),
        rule(DATASET, "several data sets are named; keep one of sample, persistentVolumeClaim, s3, kafka"),
    ),
    "no data set": (
        training(dataset={}),
        rule(
            DATASET,
            "no data set is named; set one of sample: {}, persistentVolumeClaim: {claimName: ...}, "
            "s3: {endpoint: ...} or kafka: {topic: ...}",
        ),
    ),
    "an endpoint without its scheme": (
        bucket(endpoint="rgw.example"),
        rule(f"{DATASET}.s3.endpoint", NO_ENDPOINT, "string"),
    ),
    "an endpoint with a key in it": (
        bucket(endpoint="https://key:secret@rgw.example"),
        rule(f"{DATASET}.s3.endpoint", NO_ENDPOINT, "string"),
    ),
    "an endpoint at a port that there is not": (
        bucket(endpoint="https://rgw.example:99999"),
        rule(f"{DATASET}.s3.endpoint", NO_ENDPOINT, "string"),
    ),
    "a CA of an endpoint that is not encrypted": (
        bucket(endpoint="http://rgw.example", caSecret={"name": "rgw-ca", "key": "ca.crt"}),
        rule(
            f"{DATASET}.s3",
            "caSecret says whom to trust over https; take it away, or have endpoint begin with https://",
        ),
    ),
    "a prefix from the root": (
        bucket(prefix="/data"),
        rule(f"{DATASET}.s3.prefix", "prefix has no leading '/'", "string"),
    ),
    "a bucket without who asks": (
        training(dataset={"s3": {"endpoint": "https://rgw.example", "bucket": "photos"}}),
        missing(f"{DATASET}.s3.credentialsSecret"),
    ),
    "photos in no topic": (
        training(dataset={"kafka": {"maxImages": 5}}),
        missing(f"{DATASET}.kafka.topic"),
    ),
    "no photo of a topic": (
        training(dataset={"kafka": {"topic": "labelled", "maxImages": 0}}),
        bound(f"{DATASET}.kafka.maxImages", 0, "greater than or equal to 1"),
    ),
    "offsets and a number of records": (
        topic(records(0, 0, 5), maxImages=5),
        rule(f"{DATASET}.kafka", "offsets name all records that are read; take maxImages away"),
    ),
    "offsets of nothing": (
        topic(),
        bound(f"{DATASET}.kafka.offsets", 0, "at least 1 items").replace("be at", "have at"),
    ),
    "offsets that end before they start": (
        topic(records(0, 5, 5), records(1, 5, 4)),
        rule(f"{DATASET}.kafka.offsets[1]", "end is the offset after the last record, and not before start"),
    ),
    "offsets of one partition twice": (
        topic(records(1, 0, 5), records(0, 0, 5), records(1, 5, 9)),
        rule(f"{DATASET}.kafka.offsets", "a partition is named twice; keep one range of each", "array"),
    ),
    "offsets of too many records": (
        topic(records(0, 0, 500_000), records(1, 7, 500_008)),
        rule(f"{DATASET}.kafka.offsets", "these are more than 1000000 records; name fewer", "array"),
    ),
    "an offset below zero": (
        topic(records(0, -1, 5)),
        bound(f"{DATASET}.kafka.offsets[0].start", -1, "greater than or equal to 0"),
    ),
    "offsets of no partition": (
        topic({"start": 0, "end": 5}),
        missing(f"{DATASET}.kafka.offsets[0].partition"),
    ),
    "no word of the data set": ({"training": {}}, missing(DATASET)),
    "a data set on a claim without its name": (
        training(dataset={"persistentVolumeClaim": {}}),
        missing(f"{DATASET}.persistentVolumeClaim.claimName"),
    ),
    "a path that leads out of the claim": (
        training(dataset={"persistentVolumeClaim": {"claimName": "photos", "path": "a/../../b"}}),
        rule(f"{DATASET}.persistentVolumeClaim.path", OUTSIDE, "string"),
    ),
    "a path from the root": (
        training(dataset={"persistentVolumeClaim": {"claimName": "photos", "path": "/photos"}}),
        rule(f"{DATASET}.persistentVolumeClaim.path", OUTSIDE, "string"),
    ),
    "a network that there is not": (
        training(architecture="resnet"),
        choice("spec.training.architecture", "resnet", "efficientnet-lite0", "efficientnet-lite2", "cnn"),
    ),
    "the fine-tuning of what is trained from scratch": (
        training(architecture="cnn", fineTune=True),
        rule(
            "spec.training",
            "cnn is trained from scratch, all of it, so there is nothing to fine-tune; take fineTune away, "
            "or have architecture be efficientnet-lite0 or efficientnet-lite2",
        ),
    ),
    "two claims": (
        {"storage": {"claim": {}, "existingClaim": "models"}},
        rule("spec.storage", "two claims are named; keep one of claim, existingClaim"),
    ),
    "a claim of the user's that is to go with the model": (
        {"storage": {"claim": {"whenDeleted": "Delete"}, "existingClaim": "models"}},
        rule("spec.storage", NOT_OURS),
    ),
    "a size that is none": (
        {"storage": {"claim": {"size": "much"}}},
        rule("spec.storage.claim.size", "size is a quantity greater than 0, such as 5Gi", "string"),
    ),
    "a size below zero": (
        {"storage": {"claim": {"size": "-5Gi"}}},
        rule("spec.storage.claim.size", "size is a quantity greater than 0, such as 5Gi", "string"),
    ),
    "an access mode that versions cannot be written by": (
        {"storage": {"claim": {"accessMode": "ReadOnlyMany"}}},
        choice("spec.storage.claim.accessMode", "ReadOnlyMany", "ReadWriteOnce", "ReadWriteMany"),
    ),
    "an end of the claim that there is not": (
        {"storage": {"claim": {"whenDeleted": "Archive"}}},
        choice("spec.storage.claim.whenDeleted", "Archive", "Retain", "Delete"),
    ),
    "an existing claim without a name": (
        {"storage": {"existingClaim": ""}},
        (
            'spec.storage.existingClaim: Invalid value: "": '
            "spec.storage.existingClaim in body should be at least 1 chars long"
        ),
    ),
    "no version to be kept": (
        {"storage": {"keepVersions": 0}},
        bound("spec.storage.keepVersions", 0, "greater than or equal to 1"),
    ),
    "more versions to be kept than can be told of": (
        {"storage": {"keepVersions": 21}},
        bound("spec.storage.keepVersions", 21, "less than or equal to 20"),
    ),
    "an accuracy in per cent": (
        {"promotion": {"minAccuracy": 95}},
        bound("spec.promotion.minAccuracy", 95, "less than or equal to 1"),
    ),
    "an accuracy below zero": (
        {"promotion": {"minAccuracy": -0.5}},
        bound("spec.promotion.minAccuracy", -0.5, "greater than or equal to 0"),
    ),
    "a drop of more than all": (
        {"promotion": {"maxAccuracyDrop": 1.5}},
        bound("spec.promotion.maxAccuracyDrop", 1.5, "less than or equal to 1"),
    ),
    "a drop that is a rise": (
        {"promotion": {"maxAccuracyDrop": -0.02}},
        bound("spec.promotion.maxAccuracyDrop", -0.02, "greater than or equal to 0"),
    ),
    "a policy that there is not": (
        {"promotion": {"policy": "Never"}},
        choice("spec.promotion.policy", "Never", "Automatic", "Manual"),
    ),
    "a pin to no version": (
        {"inference": {"modelVersion": 0}},
        bound("spec.inference.modelVersion", 0, "greater than or equal to 1"),
    ),
    "a shadow of no version": (
        {"inference": {"shadowVersion": 0}},
        bound("spec.inference.shadowVersion", 0, "greater than or equal to 1"),
    ),
    "a version in its own shadow": (
        {"inference": {"modelVersion": 2, "shadowVersion": 2}},
        rule("spec.inference", OWN_SHADOW),
    ),
    "a shadow in what is the answers' topic by default": (
        {"inference": {"shadowVersion": 2}} | kafka(topics={"shadow": {"name": "odd-predictions"}}),
        rule("spec.kafka.topics", NO_SHADOW_TOPIC),
    ),
    "a shadow among the answers": (
        {"inference": {"shadowVersion": 2}}
        | kafka(topics={"output": {"name": "answers"}, "shadow": {"name": "answers"}}),
        rule("spec.kafka.topics", NO_SHADOW_TOPIC),
    ),
    "a shadow in a topic that is no KafkaTopic": (
        kafka(topics={"shadow": {"name": "In_The_Shadow"}}),
        rule("spec.kafka.topics", NO_KAFKA_TOPIC_NAME),
    ),
    "fewer replicas than none": (
        {"inference": {"replicas": -1}},
        (bound("spec.inference.replicas", -1, "greater than or equal to 0"), NO_SCALE),
    ),
    "memory that is no quantity": (
        training(pod={"resources": {"limits": {"memory": "lots"}}}),
        rule("spec.training.pod.resources.limits[memory]", NO_QUANTITY, ""),
    ),
    "memory below zero": (
        {"inference": {"pod": {"resources": {"requests": {"memory": "-1Gi"}}}}},
        rule("spec.inference.pod.resources.requests[memory]", NO_QUANTITY, ""),
    ),
    "processors below zero": (
        {"inference": {"pod": {"resources": {"requests": {"cpu": -1}}}}},
        rule("spec.inference.pod.resources.requests[cpu]", NO_QUANTITY, ""),
    ),
    "no word of Kafka": ({"kafka": None}, missing("spec.kafka")),
    "no Kafka": (
        {"kafka": {}},
        rule(
            "spec.kafka",
            "no Kafka is named; set one of strimzi: {name: ...}, access: {name: ...} or bootstrapServers: "
            "host:9093",
        ),
    ),
    "a Strimzi cluster together with bootstrap servers": (
        given(**STRIMZI),
        rule("spec.kafka", "two Kafkas are named; keep one of strimzi, access, bootstrapServers"),
    ),
    "a KafkaAccess with a certificate besides": (
        {"kafka": {"access": {"name": "pets"}, "authentication": GIVEN["authentication"]}},
        rule(
            "spec.kafka",
            "the Secret of a KafkaAccess says who asks and whom to trust; remove authentication and tls",
        ),
    ),
    "bootstrap servers alone": (
        given(authentication=None, tls=None),
        (rule("spec.kafka", NO_AUTHENTICATION), rule("spec.kafka", NO_TRUST)),
    ),
    "bootstrap servers that are not told who asks": (
        given(authentication=None),
        rule("spec.kafka", NO_AUTHENTICATION),
    ),
    "bootstrap servers that nothing vouches for": (given(tls=None), rule("spec.kafka", NO_TRUST)),
    "authentication without its secret": (
        given(authentication={"type": "tls"}),
        rule("spec.kafka.authentication", NO_CLIENT),
    ),
    "authentication without its type": (
        given(authentication={"secretName": "pets-client"}),
        missing("spec.kafka.authentication.type"),
    ),
    "a password in the clear": (
        given(authentication={"type": "plain", "secretName": "pets-client"}, tls=None),
        rule("spec.kafka", NO_TRUST),
    ),
    "a password without its secret": (
        given(authentication={"type": "scram-sha-512", "username": "pets"}),
        rule(
            "spec.kafka.authentication",
            "authentication by password needs its Secret; set secretName, "
            "a Secret with the password in password",
        ),
    ),
    "a secret that nobody shows": (
        given(authentication={"type": "none", "secretName": "pets-client"}),
        rule(
            "spec.kafka.authentication",
            "type: none has no Secret; remove secretName, or name the type of authentication",
        ),
    ),
    "a user's name with a certificate": (
        given(authentication={"type": "tls", "secretName": "pets-client", "username": "pets"}),
        rule(
            "spec.kafka.authentication",
            "username goes with a password; remove it, or set type to scram-sha-512, scram-sha-256 or plain",
        ),
    ),
    "authentication of a type that there is not": (
        given(authentication={"type": "oauth", "secretName": "pets-client"}),
        choice(
            "spec.kafka.authentication.type",
            "oauth",
            "tls",
            "scram-sha-512",
            "scram-sha-256",
            "plain",
            "none",
        ),
    ),
    "authentication with strimzi": (
        kafka(authentication=GIVEN["authentication"]),
        rule(
            "spec.kafka",
            "with strimzi, the operator makes the user and its certificate; remove authentication",
        ),
    ),
    "a Kafka of another namespace without a user": (
        {"kafka": {"strimzi": {"name": "my-cluster", "namespace": "kafka"}, "tls": GIVEN["tls"]}},
        rule(
            "spec.kafka",
            "in another namespace the operator makes no user; set authentication, with a Secret in this one, "
            "such as {type: tls, secretName: ...}",
        ),
    ),
    "a Kafka of another namespace that nothing vouches for": (
        {
            "kafka": {
                "strimzi": {"name": "my-cluster", "namespace": "kafka"},
                "authentication": GIVEN["authentication"],
            }
        },
        rule(
            "spec.kafka",
            "the certificates to trust are in another namespace; set tls: {trustedCertificates: "
            '[{secretName: ..., pattern: "*.crt"}]}, a copy of them in a Secret in this one',
        ),
    ),
    "certificates with strimzi": (
        kafka(tls=GIVEN["tls"]),
        rule("spec.kafka", "with strimzi, the certificates to trust are known from its cluster; remove tls"),
    ),
    "tls without certificates": (given(tls={}), missing("spec.kafka.tls.trustedCertificates")),
    "an empty list of certificates": (
        trusted(),
        bound("spec.kafka.tls.trustedCertificates", 0, "at least 1 items").replace("be at", "have at"),
    ),
    "a Secret of which nothing is taken": (
        trusted({"secretName": "ca"}),
        rule("spec.kafka.tls.trustedCertificates[0]", WHICH_CERTIFICATE),
    ),
    "a Secret of which all and one is taken": (
        trusted({"secretName": "ca", "pattern": "*.crt", "certificate": "ca.crt"}),
        rule("spec.kafka.tls.trustedCertificates[0]", WHICH_CERTIFICATE),
    ),
    "two whole Secrets": (
        trusted({"secretName": "old", "pattern": "*.crt"}, {"secretName": "new", "pattern": "*.crt"}),
        rule("spec.kafka.tls.trustedCertificates", TWO_PATTERNS, "array"),
    ),
    "a pattern that there is not": (
        trusted({"secretName": "ca", "pattern": "*.pem"}),
        choice("spec.kafka.tls.trustedCertificates[0].pattern", "*.pem", "*.crt"),
    ),
    "an address without a port": (
        given(bootstrapServers="broker-0"),
        rule("spec.kafka.bootstrapServers", NO_ADDRESS, "string"),
    ),
    "addresses with a blank between": (
        given(bootstrapServers="broker-0:9093, broker-1:9093"),
        rule("spec.kafka.bootstrapServers", NO_ADDRESS, "string"),
    ),
    "an address with a scheme": (
        given(bootstrapServers="ssl://broker-0:9093"),
        rule("spec.kafka.bootstrapServers", NO_ADDRESS, "string"),
    ),
    "a port that there is not": (
        given(bootstrapServers="broker-0:99999"),
        rule("spec.kafka.bootstrapServers", NO_ADDRESS, "string"),
    ),
    "a Strimzi cluster without its name": (kafka(strimzi={}), missing("spec.kafka.strimzi.name")),
    "one topic for input and output": (
        kafka(topics={"input": {"name": "photos"}, "output": {"name": "photos"}}),
        rule("spec.kafka.topics", TWO_ROLES),
    ),
    "a topic named as another is by default": (
        kafka(topics={"deadLetters": {"name": "odd-images"}}),
        rule("spec.kafka.topics", TWO_ROLES),
    ),
    "one topic for two in a Kafka of another namespace": (
        given(
            strimzi={"name": "my-cluster", "namespace": "kafka"},
            bootstrapServers=None,
            topics={"input": {"name": "photos"}, "output": {"name": "photos"}},
        ),
        rule("spec.kafka.topics", TWO_ROLES),
    ),
    "one topic of bootstrap servers for input and output": (
        given(topics={"input": {"name": "Photos"}, "output": {"name": "Photos"}}),
        rule("spec.kafka.topics", TWO_ROLES),
    ),
    "a topic that no KafkaTopic can be named after": (
        kafka(topics={"input": {"name": "My_Topic"}}),
        rule("spec.kafka.topics", NO_KAFKA_TOPIC_NAME),
    ),
    "a topic that Kafka cannot have": (
        given(topics={"output": {"name": "my topic"}}),
        rule("spec.kafka.topics.output.name", NO_TOPIC_NAME, "string"),
    ),
    "a start in lower case": (
        kafka(startFrom="earliest"),
        choice("spec.kafka.startFrom", "earliest", "Earliest", "Latest"),
    ),
    "images smaller than any": (
        kafka(maxImageBytes=10),
        bound("spec.kafka.maxImageBytes", 10, "greater than or equal to 1024"),
    ),
    "images that no broker takes by its defaults": (
        kafka(maxImageBytes=104857600),
        bound("spec.kafka.maxImageBytes", 104857600, "less than or equal to 103809024"),
    ),
}
