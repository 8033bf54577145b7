// How often the program has allocated. The operators are in a unit of their own, out of the sight
// of the compiler, which would take new and free for a mismatch where both are inlined.
#ifndef LAMELLA_TESTS_ALLOCATION_COUNTING_NEW_H_
#define LAMELLA_TESTS_ALLOCATION_COUNTING_NEW_H_

namespace lamella::test {

/// Calls of operator new, in any form, on any thread, since the program began.
long allocations();

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_ALLOCATION_COUNTING_NEW_H_
