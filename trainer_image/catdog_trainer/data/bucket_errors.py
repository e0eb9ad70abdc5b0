"""What a person is told where a bucket can't be read: whose fault it is, and what to do."""

import ssl
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from catdog_trainer.data import DataError
from catdog_trainer.data import changed as data_changed
from catdog_trainer.data.addresses import BucketAddress

FIELDS = "spec.training.dataset.s3"
KEY_FILES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

NOT_WHOLE = "x-catdog-not-whole"  # a header of ours, of an answer that ends in its middle

_TOLD_CHARACTERS = 300  # of what a server says: the message has to fit into a condition
_OF_ONE_OBJECT = ("AccessDenied", "InvalidObjectState", "NoSuchKey")  # the others can be read all the same
_WRONG_REGION = ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect")


class UnreadableObjectError(OSError):
    """One object can't be read, while others can; `code` is S3's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def explain(error: ClientError | BotoCoreError, address: BucketAddress, key: str | None = None) -> Exception:
    """Return what to raise for what the library raised; with `key`, it is about one object."""
    if isinstance(error, ClientError):
        return _refused(error, address, key)
    if isinstance(error, SSLError):
        return _not_trusted(error, address)
    if isinstance(error, BotoConnectionError | HTTPClientError | IncompleteReadError):
        return _unreachable(error, address)
    return broken(address, f"its answer is not what S3 answers ({_shortened(error)})")


def denied(address: BucketAddress, said: str) -> DataError:
    """Return the error that bucket or objects may not be read, in the server's own words."""
    advice = (
        f"put the keys of a user who has s3:ListBucket and s3:GetObject into the Secret that "
        f"{FIELDS}.credentialsSecret names, as {' and '.join(KEY_FILES)}"
    )
    return DataError("AccessDenied", f"{address} may not be read ({said}); {advice}")


def changed(address: BucketAddress, key: str) -> DataError:
    """Return the error that an object is not what it was a moment ago."""
    return data_changed(f"s3://{address.name}/{key} was changed or removed while it was being trained on")


def broken(address: BucketAddress, what: str) -> DataError:
    """Return the error that something answers, and not as it should."""
    advice = f"see that {FIELDS}.endpoint names an S3, and what is in its log"
    return DataError("EndpointError", f"{address}: {what}; {advice}")


def _refused(error: ClientError, address: BucketAddress, key: str | None) -> Exception:
    told = error.response.get("Error", {})
    code, words = told.get("Code", ""), _shortened(told.get("Message", ""))
    metadata = error.response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    said = ": ".join(part for part in (code, words) if part and not part.isdecimal())
    if key is not None and code in _OF_ONE_OBJECT:
        return UnreadableObjectError(code, said)
    if code == "NoSuchBucket":
        advice = f"create it, or name another in {FIELDS}.bucket"
        return DataError("BucketNotFound", f"bucket {address.name} is not at {address.endpoint}; {advice}")
    if code in _WRONG_REGION:
        return DataError("RegionMismatch", f"{address}: {said}; set {FIELDS}.region to the bucket's")
    if NOT_WHOLE in metadata.get("HTTPHeaders", {}):
        return broken(address, "the listing breaks off in its middle")
    if status in (401, 403):
        return denied(address, said)
    return broken(address, f"it answers {status} {said}")


def _not_trusted(error: SSLError, address: BucketAddress) -> DataError:
    causes = (each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError))
    if (cause := next(causes, None)) is None:
        return _unreachable(error, address)
    why = cause.verify_message.rstrip(". ")
    advice = (
        f"see that {FIELDS}.caSecret names the certificate of the CA that signed the endpoint's"
        if address.ca_file
        else f"if a CA of your own signed its certificate, name the CA's Secret in {FIELDS}.caSecret"
    )
    return DataError("EndpointUnreachable", f"{address.endpoint} is not trusted ({why}); {advice}")


def _unreachable(error: BotoCoreError, address: BucketAddress) -> DataError:
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        why = "no answer in time"
    elif isinstance(error, ConnectionClosedError | ResponseStreamingError | IncompleteReadError):
        why = "the connection broke off"
    elif isinstance(error, SSLError):
        why = "it does not speak TLS as it should"
    else:
        told = (each.strerror for each in _causes(error) if isinstance(each, OSError) and each.strerror)
        why = next(told, "no connection")
    advice = f"see that it runs, and that {FIELDS}.endpoint names it"
    return DataError("EndpointUnreachable", f"{address.endpoint} cannot be reached ({why}); {advice}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to an error, the error itself first."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _shortened(said: object) -> str:
    return " ".join(str(said).split())[:_TOLD_CHARACTERS].rstrip(". ")
