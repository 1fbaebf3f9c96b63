#include "app/commands.hpp"

int main(int argc, char** argv, char** environment) { return watchbell::app::main(argc, argv, environment); }
