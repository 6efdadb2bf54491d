"""The wire: the only package that imports pymodbus. Words and function codes, never their meaning."""
