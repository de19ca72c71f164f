//! The program itself, on the bundled model.
