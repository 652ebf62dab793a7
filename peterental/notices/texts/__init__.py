"""Text messages: how they are counted, sent by Twilio, and how Twilio's requests are authenticated."""
