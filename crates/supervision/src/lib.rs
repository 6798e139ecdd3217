//! What happens to an actor that ends: a pure policy, and a thin shell on ractor.
