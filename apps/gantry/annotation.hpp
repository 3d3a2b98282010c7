#pragma once

#include "environment.hpp"
#include "progress/renderer.hpp"

#include <string>

namespace gantry::app {

/// GITHUB_ACTIONS=true: the runner reads workflow commands out of what a step prints.
bool wants_annotations(const environment& variables);

/// An error as the workflow command `::error::`, with the newline. Source: GitHub, "Workflow commands for GitHub Actions".
std::string github_annotation(const error_report& report);

}  // namespace gantry::app
