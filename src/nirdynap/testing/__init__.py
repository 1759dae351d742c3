"""Tools for tests of networks and simulators, public: import the module you need."""
