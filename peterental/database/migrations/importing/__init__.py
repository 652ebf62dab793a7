"""Convert the migrations of other tools into ours: `flask db-import`."""
