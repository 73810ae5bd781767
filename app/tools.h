#pragma once
// What the program does besides serving: weir check, weir convert, weir --print-docs. Each returns the exit code.

#include "app/options.h"

namespace app {

int check_configuration(const Options& options);
int convert_configuration(const Options& options);
int print_document(const Options& options);

}  // namespace app
