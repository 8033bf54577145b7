// The entry point of the `lamella` command line; everything else is in cli.cpp.
#include "tools/lamella/cli.h"

int main(int argc, char** argv) { return lamella::cli::run(argc, argv); }
