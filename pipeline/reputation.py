"""What earlier reports say of a sender.

Reports of all tenants count together and alike: a sender that bothers one of them is known to the others. So that no
tenant can make a sender's name for the others, what it says counts at most a few times each way, fewer than
`LEAST_REPORTS` (`FeedbackSettings.reports_per_tenant`). An installation with one tenant sets that to a million: with
the default its reports would never suffice.
"""

import math

import msgspec

from pipeline.rulefile import REPUTATION
from pipeline.types import RuleHit

#: Fewer reports than this of the more frequent kind say nothing.
LEAST_REPORTS = 5
#: Reports that every sender is taken to have; people report spam more often than they praise ham.
PRIOR_SPAM, PRIOR_HAM = 1.0, 3.0
#: Largest effect either way, in log-odds: reports can be forged, so they never decide alone.
MOST = 1.5


def reputation_hit(spam_reports: int, ham_reports: int) -> RuleHit | None:
    """The smoothed log-odds of a sender's reports, clipped; None while there are fewer than the least number."""
    if max(spam_reports, ham_reports) < LEAST_REPORTS:
        return None
    score = math.log((spam_reports + PRIOR_SPAM) / (ham_reports + PRIOR_HAM))
    detail = f"{spam_reports} of {spam_reports + ham_reports} reports about the sender call it spam"
    return RuleHit(REPUTATION, round(max(-MOST, min(MOST, score)), 3), detail)


class Reports(msgspec.Struct):
    """Reports about one sender.

    All that a tenant says is noted, and `most` of it counts: taking back a report that did not count takes nothing
    from those that do, and what counts does not depend on the order in which receipts were reported and corrected.
    Only `report` adds to what is noted. A correction may have gone missing, and the next one must not count twice what
    was said once.
    """

    noted: dict[tuple[str, bool], int] = {}  #: by (tenant, is it spam)
    counted: dict[bool, int] = {}

    def report(self, tenant: str, spam: bool, most: int) -> None:
        """Note one more."""
        self._add(tenant, spam, 1, most)

    def correct(self, tenant: str, spam: bool, most: int) -> None:
        """Move one that the tenant had noted the other way; where there is none, do nothing."""
        if self.noted.get((tenant, not spam), 0):
            self._add(tenant, not spam, -1, most)
            self._add(tenant, spam, 1, most)

    def _add(self, tenant: str, spam: bool, change: int, most: int) -> None:
        before = self.noted.get((tenant, spam), 0)
        after = self.noted[tenant, spam] = before + change
        self.counted[spam] = self.counted.get(spam, 0) + min(after, most) - min(before, most)
