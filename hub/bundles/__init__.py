"""Evidence bundles: everything that proves what became of one consignment, in one signed file.

Owns: making a bundle (collect), judging one without the hub (verification), telling the result (report).
Never: opens the network; the judging half needs no database and no settings, the trusted certificates alone.
Source: ETSI EN 319 162-1 (ASiC-E); Law 20/2023/QH15 Art. 11 (evidential value of data messages).
"""
