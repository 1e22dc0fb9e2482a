//! Nothing: a package must have a target.
