#pragma once

#include <gantry/explain.hpp>

#include <string>

namespace gantry::app {

/// An explanation for people; what the engine calls an option is an option of the command line here.
std::string explanation_text(const explanation& told);
/// {"version":1,"reference":...,"endpoints":[{"url","origin","mirror",<fact>:{"value","origin"}...}],<setting>:{"value","origin"}...}
std::string explanation_json(const explanation& told);

}  // namespace gantry::app
