#pragma once

namespace watchbell::app {

/// The program's command line. The exit code: 0 done, 1 failed with a sentence on standard error, other values as the command's help says.
int main(int argc, char** argv, char** environment);

}  // namespace watchbell::app
