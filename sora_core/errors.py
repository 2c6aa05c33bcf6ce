"""What a user can get wrong. Every message is one sentence: what is wrong and what to do."""


class SoraError(ValueError):
    """Base of all errors that a user can mend. The CLI prints it and exits 1; a node turns red with it."""


class ConfigError(SoraError):
    """A configuration or an option is out of range or unknown."""


class PromptError(SoraError):
    """The prompt can't be used as it is."""


class CheckpointError(SoraError):
    """A checkpoint is missing, foreign, damaged or too new."""


class MediaError(SoraError):
    """A picture, sound or video file can't be read or written."""


class ResourceError(SoraError):
    """Disk, memory or a missing optional package stands in the way."""


class ProvenanceError(SoraError):
    """A key, a signature or a mark stands in the way of saving or verifying."""


class ConsentError(SoraError):
    """Somebody may not be shown: without their leave, or not any more."""
