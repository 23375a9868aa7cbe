"""The caller keeps each verdict, from an HTTP server of the test's own."""

from aiohttp import web
from aiohttp.test_utils import TestServer

from loadtests.bench.load import Plan
from loadtests.lane.caller import take

VERDICT = {"spam_score": 0.5, "is_otp": True, "intent_source": "groq", "otp_intent": "APP_LOGIN_OTP", "degraded": []}


async def test_every_answer_is_kept_with_its_place_and_time() -> None:
    async def answer(request: web.Request) -> web.Response:
        number = (await request.json())["number"]
        return web.json_response({**VERDICT, "is_otp": number % 2 == 0}, status=503 if number == 7 else 200)

    app = web.Application()
    app.router.add_post("/", answer)
    async with TestServer(app) as server:
        bodies = [f'{{"number": {number}}}' for number in range(20)]
        assert server.port
        taken = await take(Plan(port=server.port, path="/", bodies=bodies, connections=9, rate=500.0))
    found = {each.index: each for each in taken.answers}
    assert sorted(found) == list(range(20))
    assert all(each.is_otp == (index % 2 == 0) for index, each in found.items())
    assert [index for index, each in found.items() if each.status != 200] == [7]
    assert all(0 < each.from_send_s <= each.seconds for each in found.values())
    assert taken.result.answered == 19
