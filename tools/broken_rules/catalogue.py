"""Every break, in the order of MEANINGS.md."""

from . import answers, consent, effects, identity, policies, replays

BREAKS = [
    *answers.LOG, *policies.TIME, *identity.BREAKS, *consent.BREAKS, *policies.POLICY, *effects.DECISIONS, *effects.EFFECTS,
    *replays.BREAKS, *answers.SUPPRESSION, *answers.ANSWERS,
]
