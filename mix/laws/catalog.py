"""All laws by name. A new law is one file in this folder and one entry here."""

from typing import Any

from mix.errors import MixError
from mix.laws.additive import ADDITIVE, ADDITIVE_PRODUCT
from mix.laws.cmr import CMR
from mix.laws.cross_lingual import CrossLingual
from mix.laws.d_cpt import DCPT
from mix.laws.d_cpt_cross import DCPTCross
from mix.laws.d_cpt_pretraining import DCPTPretraining
from mix.laws.exponential import LOG_LINEAR, Exponential
from mix.laws.implicit_domains import ImplicitDomains
from mix.laws.law import FittedLaw, Law
from mix.laws.learning_rate import LearningRate
from mix.laws.learning_rate_replay import LearningRateReplay
from mix.laws.learning_rate_size import LearningRateSize
from mix.laws.log_offset import LOG_OFFSET
from mix.laws.log_shares import LogShares
from mix.laws.power_offset import POWER_OFFSET
from mix.laws.regmix import RegMix

_ALL: tuple[Law, ...] = (
    Exponential(),
    LOG_LINEAR,
    ImplicitDomains(),
    LogShares(),
    LOG_OFFSET,
    POWER_OFFSET,
    RegMix(),
    ADDITIVE,
    ADDITIVE_PRODUCT,
    DCPT(),
    DCPTPretraining(),
    DCPTCross(),
    CMR(),
    CrossLingual(),
    LearningRate(),
    LearningRateSize(),
    LearningRateReplay(),
)

LAWS: dict[str, Law] = {law.name: law for law in _ALL}
"""Laws by the name that `--law` takes."""


def law_named(name: str) -> Law:
    """The law of this name. Raises MixError for a name that no law has."""
    if name not in LAWS:
        raise MixError(f"no law {name}; the laws are {', '.join(LAWS)}")
    return LAWS[name]


def read_law(record: dict[str, Any]) -> FittedLaw:
    """A fitted law from its `record`. Raises MixError for a law that does not exist."""
    return law_named(str(record.get("law"))).read(record)
