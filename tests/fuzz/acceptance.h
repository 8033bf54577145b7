// How many inputs a target has accepted, for the program that replays a corpus.
#ifndef LAMELLA_TESTS_FUZZ_ACCEPTANCE_H_
#define LAMELLA_TESTS_FUZZ_ACCEPTANCE_H_

namespace lamella::fuzz {

int accepted_so_far();

}  // namespace lamella::fuzz

#endif  // LAMELLA_TESTS_FUZZ_ACCEPTANCE_H_
