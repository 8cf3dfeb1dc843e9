"""Lists everything that kryten-py shows to its users: classes, methods, functions, constants, fields."""

import importlib
import inspect
import pkgutil

import kryten
from pydantic import BaseModel

CALLABLE = (staticmethod, classmethod, property)


def surface():
    """The public names by module, a member as `Class.member`, in the order of the sources."""
    found = {}
    for part in pkgutil.iter_modules(kryten.__path__):
        module = importlib.import_module(f"kryten.{part.name}")
        names = found[part.name] = []
        for name, value in vars(module).items():
            if name.startswith("_") or inspect.ismodule(value):
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                if value.__module__ == module.__name__:
                    names.append(name)
                if value.__module__ == module.__name__ and inspect.isclass(value):
                    names += members(name, value)
            elif name.isupper():
                names.append(name)
    known = {name for names in found.values() for name in names}
    # What the package exports and no module of its own defines, and constants that one module took from another.
    found["__init__"] = sorted(set(kryten.__all__) - known)
    return found


def members(name, cls):
    """Public methods and properties; `async with`; the fields of a model. Validators are pydantic's affair."""
    found = []
    for member, value in vars(cls).items():
        entered = member in ("__aenter__", "__aexit__")
        public = not member.startswith("_") and not member.startswith("validate_") and member != "model_config"
        if (public or entered) and (inspect.isfunction(value) or isinstance(value, CALLABLE)):
            found.append(f"{name}.{member}")
    if issubclass(cls, BaseModel):
        found += [f"{name}.{field}" for field in cls.model_fields]
    return found
