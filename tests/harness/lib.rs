//! Runs the real gateway for the tests.
