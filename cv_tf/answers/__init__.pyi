from .answer import (
    KINDS as KINDS,
    Answer as Answer,
    AnswersError as AnswersError,
    Said as Said,
    said_of as said_of,
)
from .answer_store import (
    STORE_SUFFIXES as STORE_SUFFIXES,
    AnswerStore as AnswerStore,
    is_store as is_store,
)
from .answer_tables import (
    holds_answers as holds_answers,
    read_said as read_said,
    write_said as write_said,
)
from .settling import (
    Agreement as Agreement,
    Settled as Settled,
    kappa as kappa,
    settle as settle,
    spell_contradiction as spell_contradiction,
)
