"""What earlier reports say of a sender.

Reports of all tenants count together and alike: a sender that bothers one of them is known to the others.
"""

import math

from pipeline.rulefile import REPUTATION
from pipeline.types import RuleHit

#: Fewer reports than this say nothing.
LEAST_REPORTS = 5
#: Reports that every sender is taken to have; people report spam more often than they praise ham.
PRIOR_SPAM, PRIOR_HAM = 1.0, 3.0
#: Largest effect either way, in log-odds: reports can be forged, so they never decide alone.
MOST = 1.5


def reputation_hit(spam_reports: int, ham_reports: int) -> RuleHit | None:
    """The smoothed log-odds of a sender's reports, clipped; None below the least number of reports."""
    total = spam_reports + ham_reports
    if total < LEAST_REPORTS:
        return None
    score = math.log((spam_reports + PRIOR_SPAM) / (ham_reports + PRIOR_HAM))
    detail = f"{spam_reports} of {total} reports about the sender call it spam"
    return RuleHit(REPUTATION, round(max(-MOST, min(MOST, score)), 3), detail)
