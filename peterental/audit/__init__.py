"""The audit log: what people changed by hand, with what was there before and what came after."""
