//! A real sample of CIFAR-10, embedded: 2,000 training and 500 test images.
