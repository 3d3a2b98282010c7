namespace gantry {}
