"""A mail server for tests: aiosmtpd that misbehaves by recipient, and writes each mail as a line of JSON.

    smtp.py --port 2525 --mails mails.jsonl [--tls none|starttls|implicit --cert c.pem --key k.pem] [--auth]

The part of a recipient's address before the @ says what happens to it:
    refused     550 at RCPT
    greylisted  451 at RCPT the first time, accepted after that
    full        452 at RCPT, always
    spam        554 after DATA
    hang        takes the mail and never answers
    drop        takes the mail and closes the connection without an answer
Any other address is accepted. With --auth only `bellwether` with `right-password` may send.
"""

import argparse
import asyncio
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"bellwether", b"right-password"
AT_RCPT = {"refused": "550 5.1.1 no such mailbox", "full": "452 4.2.2 mailbox full"}


class Handler:
    def __init__(self, mails):
        self.mails = mails
        self.greylist = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        kind = address.split("@")[0]
        if kind in AT_RCPT:
            return AT_RCPT[kind]
        if kind == "greylisted" and address not in self.greylist:
            self.greylist.add(address)
            return "451 4.7.1 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        kinds = {address.split("@")[0] for address in envelope.rcpt_tos}
        if "spam" in kinds:
            return "554 5.7.1 refused as spam"
        self.write(server, session, envelope, answered=not kinds & {"hang", "drop"})
        if "hang" in kinds:
            await asyncio.sleep(3600)
        if "drop" in kinds:
            server.transport.abort()
        return "250 2.0.0 taken"

    def write(self, server, session, envelope, answered):
        login = session.auth_data
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "replace"),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": login and login.decode(),
            "answered": answered,
        }
        with open(self.mails, "a") as file:
            file.write(json.dumps(mail) + "\n")


def authenticate(server, session, envelope, mechanism, login_data):
    if (login_data.login, login_data.password) == (USER, PASSWORD):
        return AuthResult(success=True, auth_data=login_data.login)
    return AuthResult(success=False, handled=False, message="535 5.7.8 wrong user or password")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mails", required=True)
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--auth", action="store_true")
    return parser.parse_args()


async def main():
    args = arguments()
    context = None
    if args.tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(args.cert, args.key)
    handler = Handler(args.mails)
    starttls = args.tls == "starttls"

    def connection():
        return SMTP(
            handler,
            hostname="mail.test",
            require_starttls=starttls,
            tls_context=context if starttls else None,
            authenticator=authenticate if args.auth else None,
            auth_required=args.auth,
            # With implicit TLS aiosmtpd does not know that the connection is safe already.
            auth_require_tls=starttls,
            enable_SMTPUTF8=True,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        connection, "127.0.0.1", args.port, ssl=context if args.tls == "implicit" else None
    )
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
