"""The technique ids of the enterprise matrix of ATT&CK 18, without which a layer would mix matrices.

Techniques of industrial control systems (T0883) and of mobile devices (T1398) have ids of the same form, and the mobile
ones lie among the others, so the form does not tell them apart.

ATT&CK: (c) 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE
Corporation.
"""

from typing import Final

# Each technique by its number, with the highest number of its sub-techniques.
_ENTERPRISE: Final = """
1001.3 1003.8 1005 1006 1007 1008 1010 1011.1 1012 1014 1016.2 1018 1020.1 1021.8 1025 1027.17 1029 1030 1033 1036.12
1037.5 1039 1040 1041 1046 1047 1048.3 1049 1052.1 1053.7 1055.15 1056.4 1057 1059.13 1068 1069.3 1070.10 1071.5 1072
1074.2 1078.4 1080 1082 1083 1087.4 1090.4 1091 1092 1095 1098.7 1102.3 1104 1105 1106 1110.4 1111 1112 1113 1114.3
1115 1119 1120 1123 1124 1125 1127.3 1129 1132.2 1133 1134.5 1135 1136.3 1137.6 1140 1176.2 1185 1187 1189 1190 1195.3
1197 1199 1200 1201 1202 1203 1204.5 1205.2 1207 1210 1211 1212 1213.6 1216.2 1217 1218.15 1219.3 1220 1221 1222.2
1480.2 1482 1484.2 1485.1 1486 1489 1490 1491.2 1495 1496.4 1497.3 1498.2 1499.4 1505.6 1518.2 1525 1526 1528 1529
1530 1531 1534 1535 1537 1538 1539 1542.5 1543.5 1546.18 1547.15 1548.6 1550.4 1552.8 1553.6 1554 1555.6 1556.9 1557.4
1558.5 1559.3 1560.3 1561.2 1562.13 1563.2 1564.14 1565.3 1566.4 1567.4 1568.3 1569.3 1570 1571 1572 1573.2 1574.14
1578.5 1580 1583.8 1584.8 1585.3 1586.3 1587.4 1588.7 1589.3 1590.6 1591.4 1592.4 1593.3 1594 1595.3 1596.5 1597.2
1598.4 1599.1 1600.2 1601.2 1602.2 1606.2 1608.6 1609 1610 1611 1612 1613 1614.1 1615 1619 1620 1621 1622 1647 1648
1649 1650 1651 1652 1653 1654 1656 1657 1659 1665 1666 1667 1668 1669 1671 1672 1673 1674 1675 1677 1678 1679 1680
1681
"""
_SUBTECHNIQUES: Final = {
    number: int(highest or 0) for number, _, highest in (word.partition(".") for word in _ENTERPRISE.split())
}


def is_enterprise_technique(technique: str) -> bool:
    """Whether an id such as T1566 or T1566.002 is in the enterprise matrix."""
    number, _, below = technique.removeprefix("T").partition(".")
    highest = _SUBTECHNIQUES.get(number)
    return highest is not None and (not below or 1 <= int(below) <= highest)


def name_matrix(technique: str) -> str:
    """Return why an id is not in the enterprise matrix, as far as its number tells."""
    return (
        "techniques of industrial control systems"
        if technique.startswith("T0")
        else "mobile, revoked or unknown techniques"
    )
