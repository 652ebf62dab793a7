"""What Twilio sends: texts of visitors, and reports on texts of ours."""
