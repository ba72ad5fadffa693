# src/vm
