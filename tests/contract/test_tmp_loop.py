import pytest
from tests.contract.test_trials import *
@pytest.mark.parametrize("n", range(60))
async def test_loop(database, n):
    await test_who_loses_the_session_leads_no_longer(database)
