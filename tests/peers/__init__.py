"""Modbus devices and masters that are not ours: libmodbus in C, modbus-serial on node, modpoll, plain pymodbus."""
