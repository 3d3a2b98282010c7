#pragma once

#include "environment.hpp"
#include "options.hpp"

#include <gantry/explain.hpp>

#include <cstddef>
#include <string>

namespace gantry::app {

/// An explanation for people, with the options that the engine knows nothing of; what the engine calls an option is one of the command line
/// here, or of the settings file, and what it calls the environment is one of \p variables.
/// \param width columns of a terminal, into which lines are wrapped; 0: no terminal
std::string explanation_text(const explanation& told, const common_options& options, const environment& variables = process_environment(),
                             std::size_t width = 0);
/// {"version":1,"reference":...,"endpoints":[{"url","origin","mirror",<fact>:{"value","origin"}...}],<setting>:{"value","origin"}...,
/// "options":{<option>:{"value","origin"}...},"settings_file":...}
std::string explanation_json(const explanation& told, const common_options& options, const environment& variables = process_environment());

}  // namespace gantry::app
