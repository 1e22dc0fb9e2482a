//! The readers of foreign bytes one by one, for the fuzzing example and property tests.
