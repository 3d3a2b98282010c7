#include "http/trust.hpp"

namespace gantry::http {

void trust::apply(const origin& where, net::tls_settings& settings) const {
  if (!where.is_tls() || where.authority() != authority) return;
  if (unverified) settings.verify = false;
  settings.ca_files.insert(settings.ca_files.end(), authorities.begin(), authorities.end());
  if (shown) settings.shown = shown;
}

}  // namespace gantry::http
