"""The error classes of the project; the class says who must act."""


class EssError(Exception):
    """Base of every error this project raises on purpose."""


class ConfigError(EssError):
    """Whoever edits the configuration must act: carries every finding, nothing was started."""


class RequestError(EssError):
    """Whoever sent this request must act; `status` is the short machine word, the text says what to do.

    `said` is what the device or instance answered beside that: a reply for every point, an exception's code.
    """

    def __init__(self, status: str, text: str, said: object = None) -> None:
        super().__init__(text)
        self.status = status
        self.said = said
