"""Is something wrong with this program? Found before it runs."""
