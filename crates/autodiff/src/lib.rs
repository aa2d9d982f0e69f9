//! Reverse-mode automatic differentiation over a Wengert list, observable at every node.
