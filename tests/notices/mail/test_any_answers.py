"""Whatever a mail server answers, a letter is sent, certainly not sent, or perhaps sent, and handed over once at most."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.mail_settings import MailSender, SmtpServer
from peterental.notices.mail.smtp import SmtpTransport
from peterental.notices.model import Letter, NotSent, PerhapsSent
from tests.notices.mail.mail_server import scripted
from tests.servers import HANG_S

LETTER = Letter(channel="email", recipient="max@example.com", body="Hello.", subject="Hi", message_id="1@x")
ANSWERS = st.one_of(
    st.none(),
    st.sampled_from([220, 250, 251, 354]).map(lambda code: b"%d fine\r\n" % code),
    st.integers(0, 999).map(lambda code: b"%03d what\r\n" % code),
    st.sampled_from([b"\r\n", b"OK\r\n", b"\x00\xff\r\n", b"250-a\r\n250 b\r\n", b"250-a\r\n550 b\r\n", b"-1 x\r\n"]),
)
STEPS = ("connect", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "end")


@settings(deadline=None, max_examples=150)
@given(answers=st.dictionaries(st.sampled_from(STEPS), ANSWERS) | st.fixed_dictionaries({"end": ANSWERS}))
def test_any_answers_lead_to_one_of_three_ends(answers: dict[str, bytes | None]) -> None:
    handed_over: list[str] = []
    with scripted(**answers) as server:
        transport = SmtpTransport(
            SmtpServer("127.0.0.1", server.port), MailSender("office@example.com"), timeout_s=HANG_S
        )
        try:
            transport.send(LETTER, lambda: handed_over.append("now"))
            end = "sent"
        except PerhapsSent:
            end = "perhaps"
        except NotSent:
            end = "not sent"
        server.over.wait(HANG_S)
    has_whole_text = "." in server.lines
    assert has_whole_text == bool(handed_over)
    assert len(handed_over) <= 1
    line = (answers.get("end", b"250 taken\r\n") or b"").strip().split(b"\r\n")[-1]
    kind = line[:1] if line[:3].isdigit() else b""
    if not handed_over or kind in {b"4", b"5"}:
        assert end == "not sent"
    else:
        assert end == ("sent" if kind == b"2" else "perhaps")
