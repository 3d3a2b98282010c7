#pragma once

#include "outcome.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// One member of the settings file.
struct setting {
  enum class kind {
    text,     ///< a string
    number,   ///< a whole number, as it was written
    boolean,  ///< `true` or `false`
    list,     ///< strings
  };

  std::string name;
  kind type = kind::text;
  std::vector<std::string> values;  ///< one but for a list
  std::size_t line = 0;             ///< where the name stands, from 1
};

/// Reads one JSON object without objects inside; nothing but white space is an object without members. Refused with the line: text that is
/// no JSON, names that stand there twice, null, fractions, lists of anything but strings. Pure. \param file its name, for messages
outcome<std::vector<setting>> parse_settings(std::string_view text, const std::string& file);

}  // namespace gantry::app
