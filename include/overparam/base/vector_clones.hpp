// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Compiles a plain loop three times and takes the widest instructions of the processor at run
/// time; baseline x86-64 halves the speed of what a cache could feed. Sanitizers cannot start where
/// functions are chosen by the loader.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OVERPARAM_VECTOR_CLONES \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define OVERPARAM_VECTOR_CLONES
#endif
