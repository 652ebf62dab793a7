"""The phone robot's side: Vapi's messages in, sentences out."""
