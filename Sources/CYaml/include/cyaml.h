#ifndef NAVETTE_CYAML_H
#define NAVETTE_CYAML_H
#include <yaml.h>
#endif
