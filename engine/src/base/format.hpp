#pragma once

#include <gantry/format.hpp>  // IWYU pragma: export
