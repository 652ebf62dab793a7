"""PeteRental: viewings booked by phone, looked after in a browser, deployed while phones ring."""
