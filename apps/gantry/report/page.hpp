#pragma once

#include <string_view>

namespace gantry::app {

/// report/page.html, made part of the program by CMake.
extern const std::string_view report_page;

}  // namespace gantry::app
